// The partitions that a lane has, by name and by number.
import Model

/// Partitions in their order, each with what is known of it. A partition's number stays the same until the table is
/// replaced, and is the consumer's own number of it (`KafkaMessage.assignmentIndex`): it spares a hash for each record.
struct PartitionTable: Sequence {
    private(set) var keys: [TopicPartition] = []
    private var states: [PartitionState] = []
    private var numbers: [TopicPartition: Int] = [:]

    init() {}

    init(_ states: [(TopicPartition, PartitionState)]) {
        for (key, state) in states.sorted(by: { $0.0 < $1.0 }) {
            numbers[key] = keys.count
            keys.append(key)
            self.states.append(state)
        }
    }

    var isEmpty: Bool { keys.isEmpty }

    /// Changes a partition's state; one that is not there is not added.
    subscript(key: TopicPartition) -> PartitionState? {
        get { numbers[key].map { states[$0] } }
        set { if let number = numbers[key], let newValue { states[number] = newValue } }
    }

    subscript(number: Int) -> PartitionState {
        get { states[number] }
        _modify { yield &states[number] }
    }

    /// Of one topic, by the partition's own number; nil where the table does not have it.
    func values<Value>(of topic: TopicName, _ value: (PartitionState) -> Value) -> [Value?] {
        var values: [Value?] = []
        for (key, state) in self where key.topic == topic {
            let number = Int(key.partition.rawValue)
            while values.count <= number { values.append(nil) }
            values[number] = value(state)
        }
        return values
    }

    func makeIterator() -> Zip2Sequence<[TopicPartition], [PartitionState]>.Iterator {
        zip(keys, states).makeIterator()
    }
}
