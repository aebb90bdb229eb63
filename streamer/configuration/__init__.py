"""What a service can be told: by option, environment, file and default."""
