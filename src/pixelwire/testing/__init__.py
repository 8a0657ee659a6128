"""Fakes and contract checks for plug-in authors. Imports no pytest; production never imports it."""
