"""People who join here are made known in the CRM.

Read in this order: rules (what a campaign wants), models, listen (who joined), send (the job), deliver (one
person), store (what is kept of it), services (the verbs of pages and API).
"""
