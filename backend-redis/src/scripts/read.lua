-- The lease in force.
return record()
