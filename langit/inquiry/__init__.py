"""Questions from strangers, answered without trust: what is this file, was my footage used, please take it down.

Files are examined in a process of their own with hard limits. Answers hold what a stranger may see, and no more.
"""
