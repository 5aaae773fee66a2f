SELECT election, change
FROM leases
WHERE change > :seen
ORDER BY change
