"""The record: the journal, its verification, and its sessions read back."""
