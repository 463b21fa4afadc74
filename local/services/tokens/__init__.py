"""The token service: managed identity and service principals, tokens with an audience, a role for each principal."""
