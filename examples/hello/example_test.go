package main

func Example() {
	main()
	// Output: (name unavailable) <nil>
}
