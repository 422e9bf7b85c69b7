"""Analysis, rewriting and differentiation of jaxprs; no other package of jaxem uses jaxprs."""
