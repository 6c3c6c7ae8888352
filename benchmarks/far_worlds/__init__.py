"""Far goals in other worlds than mazes: two rooms of which logs show less than there is, four rooms with much to ignore, a ball with momentum,
and pushing a block."""
