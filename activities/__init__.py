"""What touches the world: thin effects around pure rules, a stage per file."""
