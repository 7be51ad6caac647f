"""Plans: from what Compose and the engine say to an override, with a reason for each change."""
