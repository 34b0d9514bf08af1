"""Where footage came from, whose it is, who may use it: records, the log over them, the store, the rights."""
