import Glibc

// hookline-costs: does one part of an event's way so many times, for Tests/Benchmarks/costs.py to count its
// instructions. Without arguments it names the parts.
let arguments = CommandLine.arguments
if arguments.count == 1 {
    for cost in Costs.all { print(cost.name) }
} else if arguments.count == 3, let cost = Costs.all.first(where: { $0.name == arguments[1] }),
    let count = Int(arguments[2]), (0...Samples.prepared).contains(count)
{
    print(cost.run(count))
} else {
    print("usage: hookline-costs [PART COUNT], COUNT not more than \(Samples.prepared)")
    exit(64)
}
