"""One module per step of the wizard: what was typed, what is wrong with it, and what the page shows."""
