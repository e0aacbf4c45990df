"""The Modbus dialect: its frames and host, what only it promises, and its suite."""
