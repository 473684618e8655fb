// What each reason code means and what the owner of a refused record does about it, in Vietnamese and English.
package import Model

/// One or two short sentences for each of the public reason codes. They name no field and no value: where a page knows
/// the field, it says so beside them.
package enum ReasonGuide {
    package static func vietnamese(_ reason: ReasonCode) -> String {
        switch reason {
        case .notJSON:
            "Không đọc được như một văn bản JSON. Hãy xuất lại mỗi bản ghi thành một đối tượng JSON hoàn chỉnh."
        case .notUTF8:
            "Văn bản không phải bảng mã UTF-8. Hãy xuất lại bằng UTF-8, không dùng TCVN3, VNI hay UTF-16."
        case .notAnObject:
            "Giá trị là JSON nhưng không phải một đối tượng {…}. Mỗi bản ghi phải là đúng một đối tượng JSON."
        case .tooLarge:
            "Bản ghi vượt quá 1 MiB. Hãy kiểm tra xem nhiều bản ghi có bị nối thành một hay không."
        case .missingKey:
            "Bản ghi không có khóa. Hãy gửi khóa gồm các trường khóa của đặc tả dữ liệu, nối với nhau bằng dấu hai chấm."
        case .keyMismatch:
            "Khóa khác với các trường khóa trong nội dung. Hãy tạo khóa từ chính các trường đó, đã bỏ khoảng trắng thừa."
        case .missingField:
            "Thiếu trường bắt buộc: không có, để trống hoặc là null. Hãy bổ sung trường này tại nguồn."
        case .wrongType:
            "Kiểu dữ liệu sai, ví dụ viết số trong ngoặc kép hoặc viết mã không có ngoặc kép. Hãy sửa phần xuất dữ liệu."
        case .wrongFormat:
            "Kiểu đúng nhưng cách viết sai, ví dụ ngày viết 31/12/2025 thay cho 2025-12-31. Hãy sửa phần xuất dữ liệu."
        case .outOfRange:
            "Giá trị, độ dài hoặc số phần tử vượt giới hạn của đặc tả dữ liệu. Hãy đối chiếu với hồ sơ gốc."
        case .notInList:
            "Giá trị không thuộc bộ mã danh mục hoặc danh sách cho phép. Hãy chuyển mã sang bộ mã của đặc tả dữ liệu."
        case .invalidIdentifier:
            "Số định danh sai cấu trúc hoặc sai số kiểm tra. Hãy đối chiếu với giấy tờ gốc và sửa tại nguồn."
        case .inconsistent:
            "Các trường trong cùng bản ghi mâu thuẫn với nhau. Hãy đối chiếu các trường liên quan với hồ sơ gốc."
        case .versionMissing:
            "Thiếu phiên bản của bản ghi nên không biết bản nào mới hơn. Hãy gửi trường phiên bản trong mọi bản ghi."
        case .stateSecret:
            "Bản ghi được đánh dấu là bí mật nhà nước. Không được gửi: hãy loại khỏi nguồn cấp và báo bộ phận bảo mật."
        case .databaseRefused:
            "Cơ sở dữ liệu quốc gia về y tế không nhận bản ghi dù đúng đặc tả. Hãy liên hệ đơn vị vận hành."
        }
    }

    package static func english(_ reason: ReasonCode) -> String {
        switch reason {
        case .notJSON:
            "It cannot be read as JSON. Export each record as one complete JSON object."
        case .notUTF8:
            "The text is not UTF-8. Export again in UTF-8, not in TCVN3, VNI or UTF-16."
        case .notAnObject:
            "The value is JSON and not an object {…}. Each record must be exactly one JSON object."
        case .tooLarge:
            "The record is larger than 1 MiB. See whether several records were joined into one."
        case .missingKey:
            "The record has no key. Send the contract's key fields, joined by colons, as the key."
        case .keyMismatch:
            "The key differs from the key fields in the value. Make the key of those very fields, without blanks at its ends."
        case .missingField:
            "A required field is absent, empty or null. Fill it in at the source."
        case .wrongType:
            "The type is wrong, such as a number in quotes or a code without quotes. Correct the export."
        case .wrongFormat:
            "The type is right and the form is wrong, such as 31/12/2025 for 2025-12-31. Correct the export."
        case .outOfRange:
            "A value, a length or a number of items is beyond the contract's limits. Compare with the original file."
        case .notInList:
            "The value is not in the code list or among the allowed values. Translate it to the contract's codes."
        case .invalidIdentifier:
            "The identifier has a wrong structure or check digit. Compare with the paper and correct it at the source."
        case .inconsistent:
            "Fields of one record contradict each other. Compare those fields with the original file."
        case .versionMissing:
            "The record's version is absent, so nobody can tell which is newer. Send the version field in every record."
        case .stateSecret:
            "The record is marked as a state secret. It must never be sent: keep it out of the feed and tell your security officer."
        case .databaseRefused:
            "The national database did not take the record although it fits the contract. Ask the exchange operators."
        }
    }
}
