"""Devices and leases on them: who may use how much of which device, held by locks that go with their process."""
