"""The write door: the one way in which anything is recorded, signed and answered."""
