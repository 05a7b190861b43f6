"""The live allocator and attributor on a virtual clock: visits and calls in, what would have been booked out."""
