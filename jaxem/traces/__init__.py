"""Traced programs, read, rewritten and differentiated: the one room that touches jaxprs."""
