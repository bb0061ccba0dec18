"""What may be said of the draws: labels, convergence, memberships.

`draws` moves between arrays and the tree that ArviZ reads, `passes` runs over draws and rows in compiled
code, `relabel` aligns the components across draws, and `verdict` judges whether component-wise summaries are
identifiable.
"""
