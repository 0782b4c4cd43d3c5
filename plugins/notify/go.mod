module example.invalid/homeport/plugins/notify

go 1.19
