package api

// Kind says how an answer came about, from best to worst. It travels in [KindHeader], so
// that the body stays exactly the contract.
type Kind uint8

// The kinds of answers.
const (
	Fresh    Kind = iota // the service that was asked first has answered
	Failover             // another instance of the same service has
	Stale                // an earlier answer, kept for such a day
	Default              // a fixed answer that is better than none
)

// KindHeader is the response header that names the kind.
const KindHeader = "X-Quill-Answer"

var kindNames = [...]string{"fresh", "failover", "stale", "default"}

// String returns the name as the header has it.
func (k Kind) String() string { return kindNames[min(int(k), len(kindNames)-1)] }

// ParseKind reads the header's value. A service that sets none answers fresh.
func ParseKind(s string) Kind {
	for i, name := range kindNames {
		if s == name {
			return Kind(i)
		}
	}
	return Fresh
}
