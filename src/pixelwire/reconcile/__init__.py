"""Reconcile: what access logs tell, compared with the ledger and the events on disk. Only reads; knows
neither the server's processes nor the command line.
"""
