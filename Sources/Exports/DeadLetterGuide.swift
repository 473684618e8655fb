// What the owner of refused records finds in `<topic>.dead-letter`, in Vietnamese and English.
import Contracts
import Model

enum DeadLetterGuide {
    static let summary = Words(
        """
        Mỗi bản ghi bị từ chối được trả về nguyên vẹn cho cơ quan chủ quản: cùng khóa, cùng giá trị, cùng các tiêu đề của \
        bản ghi; lý do nằm trong các tiêu đề dưới đây. Sửa tại nguồn rồi gửi lại vào chủ đề dữ liệu.
        """,
        """
        Each refused record comes back to its owner as it was: the same key, value and headers of its own; the reason \
        stands in the headers below. Mend it at the source and send it to the data topic again.
        """)

    static func words(_ header: OwnerHeader) -> Words {
        switch header {
        case .reason: Words("Mã lý do từ chối.", "The reason code.")
        case .field:
            Words(
                "Đường dẫn của trường bị lỗi, nếu lỗi thuộc một trường.",
                "The faulty field's path, where it is a field's fault.")
        case .rule: Words("Quy tắc đã bị vi phạm.", "The rule that was broken.")
        case .origin:
            Words(
                "Nơi bản ghi đã nằm: chủ đề/lần tạo chủ đề/phân vùng/vị trí.",
                "Where the record was: topic/incarnation/partition/offset.")
        case .contractVersion:
            Words("Phiên bản đặc tả dùng để kiểm tra.", "Version of the contract it was judged by.")
        case .letter:
            Words(
                "Số của thư từ chối; nêu số này khi liên hệ.",
                "Number of the dead letter; name it when you ask about it.")
        case .refusal:
            Words(
                "Lần từ chối thứ mấy, từ 1: bản ghi gửi lại có thể bị từ chối lần nữa.",
                "Which refusal it is, from 1: a record that was sent again may be refused again.")
        case .repaired:
            Words(
                "true nếu giá trị không phải do cơ quan chủ quản gửi: nó đã được sửa tại đây, gửi lại và vẫn bị từ chối.",
                "true where the value is not what the owner sent: it was mended here, sent again, and still refused.")
        case .valueOmitted:
            Words(
                "Vì sao không có giá trị: bí mật nhà nước (cả khóa cũng không có), quá lớn, hoặc đã được sửa lần nữa.",
                "Why there is no value: a state secret (then no key either), too large, or repaired once more since.")
        case .headersOmitted:
            Words(
                "Vì sao thiếu các tiêu đề của bản ghi: quá lớn.", "Why the record's own headers are missing: too large."
            )
        case .keyOmitted: Words("Vì sao thiếu khóa: quá lớn.", "Why the key is missing: too large.")
        case .eventID:
            Words(
                "Định danh của lần từ chối này; nếu nhận hai lần thì giống nhau.",
                "Names this refusal; one that arrives twice has the same.")
        case .eventSource: Words("Nguồn của sự kiện (CloudEvents).", "CloudEvents' source.")
        case .eventType: Words("Loại sự kiện: tên của chủ đề này.", "CloudEvents' type: this topic's name.")
        case .eventTime: Words("Thời điểm từ chối, RFC 3339, UTC.", "When it was refused, RFC 3339 in UTC.")
        case .eventSpecification: Words("Phiên bản CloudEvents: 1.0.", "CloudEvents' version: 1.0.")
        }
    }

    static let others = Words(
        "Tiêu đề khác là của chính bản ghi; tên trùng với các tên trên có thêm \(OwnerHeader.renamed) ở trước.",
        "All other headers are the record's own; where a name would be taken for one of these, \(OwnerHeader.renamed) "
            + "stands before it.")

    /// Of a message of the topic, as a JSON Schema; a record's own headers may stand beside them.
    static var headerSchema: JSON {
        let properties = OwnerHeader.allCases.map { header -> (String, JSON) in
            let words = words(header)
            var members: [(String, JSON)] = [
                ("type", .string("string")), ("description", .string("\(words.vi)\n\n\(words.en)")),
            ]
            switch header {
            case .reason: members.append(("enum", .array(ReasonCode.allCases.map { .string($0.rawValue) })))
            case .repaired: members.append(("const", .string("true")))
            case .eventSpecification: members.append(("const", .string("1.0")))
            case .eventTime: members.append(("format", .string("date-time")))
            case .eventSource: members.append(("format", .string("uri-reference")))
            case .letter, .refusal: members.append(("pattern", .string("^[1-9][0-9]*$")))
            case .field, .rule, .origin, .contractVersion, .valueOmitted, .headersOmitted, .keyOmitted, .eventID,
                .eventType:
                break
            }
            return (header.rawValue, .object(members))
        }
        let required = OwnerHeader.allCases.filter(\.isAlwaysThere).map { JSON.string($0.rawValue) }
        return .object([
            ("type", .string("object")), ("properties", .object(properties)), ("required", .array(required)),
        ])
    }
}

extension Contract.Role {
    /// `owner (User:feed)`: whom Kafka lets do it, where the contract says so.
    var holders: String { principals.isEmpty ? name : "\(name) (\(principals.joined(separator: ", ")))" }
}

extension Contract {
    /// Who has that access, as a line; empty where no role has it.
    func holders(of access: Role.Access) -> String {
        roles.filter { $0.access == access }.map(\.holders).joined(separator: ", ")
    }
}
