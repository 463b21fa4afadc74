"""Azure Resource Manager: what all its resources share. Web services of the "new" kind are here too."""
