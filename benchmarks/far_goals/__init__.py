"""How far an agent gets: mazes, near goals to far ones, with critics of time and levels and without."""
