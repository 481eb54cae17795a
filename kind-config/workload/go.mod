module ordeal.invalid/workload

go 1.24
