module ordeal.invalid/tools/pause

go 1.26.0
