"""Content Credentials (C2PA): signing, reading, identities, and what a signature does not cover."""
