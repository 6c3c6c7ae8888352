"use strict";
// Shows two clips over and over, sends what was answered, and asks what comes next. Nothing here comes from elsewhere.
const RATE = 8; // frames a second
const PAUSE = 6; // frames that the last one is held
const FEW = 5; // checks before which a share says nothing
const byId = (name) => document.getElementById(name);
const figures = [byId("first"), byId("second")];
let state = null;
let films = [null, null];
let busy = true;
let tick = 0;

async function ask(path, content) {
  const how = content === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) };
  const response = await fetch(path, how);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

async function load(place) {
  const clip = await ask(`/clips/${place[0]}/${place[1]}`);
  if (clip.kind === "pictures") {
    const bytes = Uint8Array.from(atob(clip.bytes), (letter) => letter.charCodeAt(0));
    clip.images = [];
    for (let frame = 0; frame < clip.frames; frame++) {
      const image = new ImageData(clip.width, clip.height);
      for (let pixel = 0; pixel < clip.width * clip.height; pixel++) {
        const from = 3 * (frame * clip.width * clip.height + pixel);
        image.data.set([bytes[from], bytes[from + 1], bytes[from + 2], 255], 4 * pixel);
      }
      clip.images.push(image);
    }
  }
  return clip;
}

async function show(next) {
  state = next;
  const scoring = state.mode === "scores";
  byId("title").textContent = state.title;
  byId("ask").textContent = scoring ? "How good is this?" : "Which one do you like better?";
  byId("pairs").hidden = scoring;
  byId("scores").hidden = !scoring;
  figures[1].hidden = scoring;
  figures[0].querySelector("figcaption").hidden = scoring;
  byId("count").textContent = state.answers;
  const share = (value) => `${Math.round(100 * value)} %`;
  byId("agreement").textContent = state.checks >= FEW
    ? `It foresaw ${share(state.agreement)} of ${state.checks} checks (95 % interval ${share(state.agreement_low)} to ${share(state.agreement_high)}).`
    : "Every sixth question checks what it has learned.";
  const films_ = await Promise.all(state.question.clips.map(load));
  films = [films_[0], films_[1] || null];
  tick = 0;
  draw();
  figures.forEach((figure) => figure.classList.remove("chosen"));
  document.body.classList.remove("waiting");
  document.body.dataset.answers = state.answers;
  busy = false;
}

async function send(path, content, chosen) {
  if (busy) return;
  busy = true;
  if (chosen !== undefined) figures[chosen].classList.add("chosen");
  document.body.classList.add("waiting");
  byId("note").textContent = "";
  try {
    await show(await ask(path, content));
  } catch (error) {
    document.body.classList.remove("waiting");
    figures.forEach((figure) => figure.classList.remove("chosen"));
    byId("note").textContent = error instanceof TypeError ? "Nobody answers: is telos rate still running? Nothing is lost; press the key again." : error.message;
    busy = false;
  }
}

function compare(answer) {
  const [left, right] = state.question.clips;
  send("/answers", { kind: "pair", left, right, answer, check: state.question.check }, { left: 0, right: 1 }[answer]);
}

function score(value) {
  send("/answers", { kind: "score", clip: state.question.clips[0], score: value, check: state.question.check }, 0);
}

function draw() {
  films.forEach((film, number) => {
    if (!film) return;
    const canvas = figures[number].querySelector("canvas");
    const frame = Math.min(tick % (film.frames + PAUSE), film.frames - 1);
    film.kind === "pictures" ? picture(canvas, film.images[frame]) : lines(canvas, film, frame);
  });
}

function picture(canvas, image) {
  if (canvas.width !== image.width || canvas.height !== image.height) {
    canvas.width = image.width;
    canvas.height = image.height;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function lines(canvas, film, frame) {
  const context = canvas.getContext("2d");
  canvas.width = canvas.height = 320;
  const all = film.lines.flat();
  const low = Math.min(...all);
  const high = Math.max(...all, low + 1e-6);
  film.lines.forEach((line, number) => {
    context.strokeStyle = `hsl(${(number * 137) % 360} 55% 52%)`;
    context.lineWidth = 2;
    context.beginPath();
    line.slice(0, frame + 1).forEach((value, time) => {
      const x = 16 + (288 * time) / Math.max(1, film.frames - 1);
      context.lineTo(x, 304 - (288 * (value - low)) / (high - low));
    });
    context.stroke();
  });
}

document.addEventListener("keydown", (event) => {
  if (!state || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const answers = { ArrowLeft: "left", ArrowRight: "right", "=": "equal", ArrowUp: "equal", ArrowDown: "equal" };
  if (event.key === "u" || event.key === "Backspace") send("/undo", {});
  else if (state.mode === "pairs" && event.key in answers) compare(answers[event.key]);
  else if (state.mode === "scores" && "12345".includes(event.key) && event.key.length === 1) score(Number(event.key));
  else return;
  event.preventDefault();
});
document.querySelectorAll("[data-answer]").forEach((button) => button.addEventListener("click", () => compare(button.dataset.answer)));
document.querySelectorAll("[data-score]").forEach((button) => button.addEventListener("click", () => score(Number(button.dataset.score))));
figures.forEach((figure, number) =>
  figure.querySelector("canvas").addEventListener("click", () => state.mode === "pairs" && compare(number ? "right" : "left")));
byId("undo").addEventListener("click", () => send("/undo", {}));
setInterval(() => { tick += 1; draw(); }, 1000 / RATE);
ask("/state").then(show).catch((error) => { byId("note").textContent = error.message; });
