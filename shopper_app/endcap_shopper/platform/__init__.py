"""What the app asks of the machine it runs on: `ports` says what, and one module for each machine does it."""
