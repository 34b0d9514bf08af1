"""The error of files whose bytes are all there, but are not those that were written."""


class ChecksumError(Exception):
    """A checksum does not match; the message says where, without naming the file."""
