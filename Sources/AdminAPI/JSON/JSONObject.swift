/// A JSON object: members in the order in which they were written, no name twice.
package struct JSONObject: Equatable, Sendable {
    package private(set) var members: [Member]

    package struct Member: Equatable, Sendable {
        package let name: String
        package var value: JSONValue
    }

    /// - Parameter members: names and values; of two with one name the later one counts, in the earlier one's place.
    package init(_ members: [(String, JSONValue)] = []) {
        self.members = []
        self.members.reserveCapacity(members.count)
        for (name, value) in members { self[name] = value }
    }

    package var names: [String] { members.map(\.name) }

    /// The value of a member, nil if there is none. A new member is added at the end.
    package subscript(name: String) -> JSONValue? {
        // Objects of an API's bodies have a few members: looking at each is quicker than hashing the name.
        get { members.first { $0.name == name }?.value }
        set {
            let index = members.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(name: name, value: value))
            case (nil, nil): break
            }
        }
    }
}
