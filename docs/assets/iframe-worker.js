// Browsers start no workers for pages opened from disk. A hidden frame runs the same script, so that search works there too.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.append(this.frame)
      this.inside = this.frame.contentWindow
      this.inside.postMessage = data => setTimeout(() => this.onmessage?.({ data }))
      const script = this.inside.document.createElement("script")
      script.src = url
      this.started = new Promise(resolve => script.addEventListener("load", resolve))
      script.addEventListener("error", () => this.onerror?.(new ErrorEvent("error")))
      this.inside.document.body.append(script)
    }

    postMessage(data) {
      this.started.then(() => this.inside.onmessage?.({ data }))
    }

    terminate() {
      this.frame.remove()
    }
  }
}
