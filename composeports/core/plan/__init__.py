"""Plans: from the facts of Compose and the engine to an override, with a reason per change."""
