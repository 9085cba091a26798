"""A run's folder → a page, Markdown, JUnit. Needs neither framework."""
