"""From a request to a released file: what the command line, a server and a notebook share."""
