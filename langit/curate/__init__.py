"""Footage -> captioned clips that the ledger knows: one plan, one decoding, a reason for every clip that is dropped."""
