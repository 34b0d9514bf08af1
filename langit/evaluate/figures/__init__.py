"""Intervals, tables, charts and pictures that reports are made of."""
