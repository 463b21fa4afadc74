"""Azure Key Vault, its secrets: read with a token of the app's identity."""
