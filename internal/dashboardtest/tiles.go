package dashboardtest

// Tiles is what the dashboard says, tile by tile, in the page's order. Numbers are the
// page's own words, with its commas and units: "1,234" or "12.5".
type Tiles struct {
	Commands []Command
	Pools    []Pool
}

// Command is the tile of one circuit.
type Command struct {
	Name    string
	Circuit string // "Open", "Closed", "Forced Open"

	ErrorPercent   string // "50.0"
	Success        string
	ShortCircuited string
	BadRequest     string
	Timeout        string
	Rejected       string // of the thread pool or of the semaphore, whichever the command has
	Failure        string

	Host, Cluster string // requests per second
	Hosts         string
	Median, Mean  string // milliseconds
	P90, P99      string
	P995          string

	Color string // of the circle: green while well, through yellow to red
}

// Pool is the tile of one thread pool.
type Pool struct {
	Name          string
	Active        string
	MaxActive     string
	Queued        string
	Executions    string
	PoolSize      string
	QueueSize     string
	Host, Cluster string // executions per second
}

// Command returns the tile of that name; the zero value if there is none.
func (t Tiles) Command(name string) Command {
	for _, c := range t.Commands {
		if c.Name == name {
			return c
		}
	}
	return Command{}
}

// Pool returns the tile of that name; the zero value if there is none.
func (t Tiles) Pool(name string) Pool {
	for _, p := range t.Pools {
		if p.Name == name {
			return p
		}
	}
	return Pool{}
}

// Shows reports whether there is a tile for each of the commands, and a tile for a pool of
// the same name, each with its numbers in it.
func (t Tiles) Shows(names ...string) bool {
	for _, name := range names {
		if t.Command(name).ErrorPercent == "" || t.Pool(name).Executions == "" {
			return false
		}
	}
	return true
}

// readTiles is what the browser runs to read its page. A name of more than 32 letters is
// cut on the tile; the element's id has all of it, with "_" and the stream's number behind.
const readTiles = `JSON.stringify((() => {
	const text = (tile, selector) => (tile.querySelector(selector)?.textContent ?? "").trim();
	const name = (tile, kind) => tile.id.slice(kind.length).replace(/_\d+$/, "");
	const rows = tile => Object.fromEntries([...tile.querySelectorAll(".cell.header")].map(
		head => [head.textContent.trim(), head.nextElementSibling.textContent.trim()]));
	const commands = [...document.querySelectorAll("div.monitor[id^=CIRCUIT_]")].map(tile => ({
		Name: name(tile, "CIRCUIT_"),
		Circuit: [...tile.querySelectorAll(".circuitStatus font")].map(f => f.textContent.trim()).join(" "),
		ErrorPercent: text(tile, ".errorPercentage .value"),
		Success: text(tile, "a.success"), ShortCircuited: text(tile, "a.shortCircuited"),
		BadRequest: text(tile, "a.badRequest"), Timeout: text(tile, "a.timeout"),
		Rejected: text(tile, "a.rejected"), Failure: text(tile, "a.failure"),
		Host: text(tile, ".ratePerSecondPerHost"), Cluster: text(tile, ".ratePerSecond"),
		Hosts: rows(tile)["Hosts"] ?? "",
		Median: text(tile, ".latencyMedian .value"), Mean: text(tile, ".latencyMean .value"),
		P90: text(tile, ".latency90 .value"), P99: text(tile, ".latency99 .value"),
		P995: text(tile, ".latency995 .value"),
		Color: tile.querySelector("circle")?.style.fill ?? "",
	}));
	const pools = [...document.querySelectorAll("div.monitor[id^=THREAD_POOL_]")].map(tile => {
		const row = rows(tile);
		return {
			Name: name(tile, "THREAD_POOL_"),
			Active: row["Active"] ?? "", MaxActive: row["Max Active"] ?? "", Queued: row["Queued"] ?? "",
			Executions: row["Executions"] ?? "", PoolSize: row["Pool Size"] ?? "", QueueSize: row["Queue Size"] ?? "",
			Host: text(tile, ".ratePerSecondPerHost"), Cluster: text(tile, ".ratePerSecond"),
		};
	});
	return { Commands: commands, Pools: pools };
})())`
