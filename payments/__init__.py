"""Almoner."""
