"""Looking at logs as a whole: what they cover, what is in them twice, and which episodes look wrong."""
