"""The verbs as tools of the Model Context Protocol, for programs that call them: same gates, same records."""
