// This module stands in for github.com/afex/hystrix-go, whose name it bears: README.md says
// how. It requires nothing and its go line is low, so that no go.mod and no go.sum of a
// client has to change with it; each file asks for the Go release that it is written in.
module github.com/afex/hystrix-go

go 1.20
