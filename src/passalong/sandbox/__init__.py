"""Look-alikes of the systems Passalong talks to: try, test and measure it without an account."""
