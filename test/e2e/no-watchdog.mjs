// Imported by every Node of a test's own: one that is to watch ends at once.
if (process.argv[1]?.includes('/watchdog.')) process.exit(1);
