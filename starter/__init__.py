"""Everything that starts or signals a workflow: webhooks, pay page, commands, dev stack."""
