module github.com/seed-f7c3343e/quill/internal/dashboardtest

go 1.26.0

replace (
	github.com/seed-f7c3343e/quill => ../..
	github.com/seed-f7c3343e/quill/internal/browser => ../browser
)

require (
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
	github.com/seed-f7c3343e/quill v0.0.0-00010101000000-000000000000
	github.com/seed-f7c3343e/quill/internal/browser v0.0.0-00010101000000-000000000000
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/cenkalti/backoff/v5 v5.0.3 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/tmaxmax/go-sse v0.12.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
