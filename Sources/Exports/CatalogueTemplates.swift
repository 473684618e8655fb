// The catalogue's pages as templates; names are those of `CatalogueSite` and `TopicPage`.

enum CatalogueTemplates {
    static let index = HTMLTemplate(
        """
        <h1>Danh mục cơ sở dữ liệu liên thông y tế</h1>
        <p class="en">Catalogue of the databases that feed the National Health Database</p>
        <p>Danh mục theo Nghị định 102/2025/NĐ-CP, Điều 18 khoản 3: {{count}} chủ đề (topic) mà các cơ quan chủ quản
        gửi vào Cơ sở dữ liệu quốc gia về y tế. Mỗi chủ đề có một đặc tả dữ liệu: các trường, quy tắc, mã lý do từ chối,
        ví dụ.</p>
        <p class="en">The list that Decree 102/2025/ND-CP art. 18.3 asks for: {{count}} topics by which the owners of
        databases send their data. Each has a data contract: its fields, rules, reasons of refusal, and examples.</p>
        <table class="stack">
        <thead><tr>
        <th>Chủ đề<div class="en">Topic</div></th>
        <th>Nội dung<div class="en">Content</div></th>
        <th>Cơ quan chủ quản<div class="en">Owner</div></th>
        <th>Nhóm dữ liệu, điều khoản<div class="en">Group, articles</div></th>
        <th>Cam kết<div class="en">Promises</div></th>
        </tr></thead>
        <tbody>
        {{#rows}}
        <tr><th><a href="{{file}}"><code>{{topic}}</code></a>
        <div class="small">{{version}}, {{state.vi}} <span class="en">({{state.en}})</span></div></th>
        <td data-label="Nội dung – Content"><p>{{words.vi}}</p><p class="en">{{words.en}}</p></td>
        <td data-label="Cơ quan chủ quản – Owner">{{owner}}</td>
        <td data-label="Nhóm dữ liệu, điều khoản – Group, articles">
        {{#groups}}
        <p>{{vi}} <span class="en">{{en}}</span></p>
        {{/groups}}
        <p class="small">Điều {{articles}}</p></td>
        <td data-label="Cam kết – Promises">
        {{#promises}}
        <p>{{vi}} <span class="en">{{en}}</span></p>
        {{/promises}}
        </td></tr>
        {{/rows}}
        </tbody></table>
        <p><a href="code-lists.html">Bộ mã danh mục</a> <span class="en">· Code lists</span></p>

        <h2 id="classes">Phân loại dữ liệu <span class="en">Classes of data (art. 9.2)</span></h2>
        <table class="stack"><tbody>
        {{#classes}}
        <tr><th>{{name.vi}}<div class="en">{{name.en}}</div></th>
        <td><p>{{words.vi}}</p><p class="en">{{words.en}}</p></td>
        <td><code>{{code}}</code></td></tr>
        {{/classes}}
        </tbody></table>

        <h2 id="reasons">Mã lý do từ chối <span class="en">Reason codes</span></h2>
        <p>Bản ghi bị từ chối được giữ lại kèm mã lý do và tên trường để cơ quan chủ quản sửa; thông báo không kèm giá
        trị.</p>
        <p class="en">A refused record is kept with its reason and field, for its owner to mend; messages quote no
        value.</p>
        <table class="stack"><tbody>
        {{#reasons}}
        <tr><th><code>{{code}}</code></th><td><p>{{words.vi}}</p><p class="en">{{words.en}}</p></td></tr>
        {{/reasons}}
        </tbody></table>
        """)

    static let codeLists = HTMLTemplate(
        """
        <nav><a href="index.html">← Danh mục cơ sở dữ liệu</a></nav>
        <h1>Bộ mã danh mục</h1>
        <p class="en">Code lists</p>
        <p>Mã được xét tại ngày ghi trong bản ghi nếu đặc tả dữ liệu quy định; ngày bắt đầu và ngày kết thúc đều tính cả
        ngày đó. Mã tỉnh được dùng lại từ ngày 01/7/2025, nên một mã chỉ có nghĩa khi biết ngày.</p>
        <p class="en">A code is judged at the record's own date where the contract says so; days are inclusive. Codes of
        provinces were re-used on 2025-07-01: a code means nothing without its date.</p>
        {{#lists}}
        <h2 id="{{file}}"><code>{{file}}</code></h2>
        <p>{{count.vi}} <span class="en">· {{count.en}}</span></p>
        <p>Nguồn <span class="en">Source: {{source}}</span></p>
        <p>Cập nhật <span class="en">State: {{state}}</span></p>
        <details{{^isFolded}} open{{/isFolded}}><summary>Các mã <span class="en">Codes</span></summary>
        <div class="wide"><table>
        <thead><tr>{{#columns}}<th>{{vi}}<div class="en">{{en}}</div></th>{{/columns}}</tr></thead>
        <tbody>
        {{#rows}}
        <tr>{{#.}}<td>{{.}}</td>{{/.}}</tr>
        {{/rows}}
        </tbody></table></div></details>
        {{/lists}}
        """)

    static let topic = HTMLTemplate(
        """
        <nav><a href="index.html">← Danh mục cơ sở dữ liệu</a>
        <a href="#fields">Các trường</a> <a href="#rules">Quy tắc</a> <a href="#reasons">Mã lý do</a>
        <a href="#dead-letters">Bản ghi bị từ chối</a>
        <a href="#examples">Ví dụ</a> <a href="#publish">Cách gửi</a></nav>
        <p class="small">Đặc tả dữ liệu · Data contract</p>
        <h1><code>{{topic}}</code></h1>
        <p>{{words.vi}}</p>
        <p class="en">{{words.en}}</p>

        <h2>Thông tin chung <span class="en">General</span></h2>
        <table class="facts stack"><tbody>
        {{#facts}}
        <tr><th>{{label.vi}}<div class="en">{{label.en}}</div></th>
        <td>{{#lines}}<p>{{.}}</p>{{/lines}}{{#englishLines}}<p class="en">{{.}}</p>{{/englishLines}}
        {{#links}}
        <p><a href="{{url}}">{{url}}</a> <span class="en">{{about}}</span></p>
        {{/links}}
        </td></tr>
        {{/facts}}
        </tbody></table>

        <h2 id="fields">Các trường dữ liệu <span class="en">Fields</span></h2>
        <p>Văn bản được bỏ khoảng trắng ở hai đầu và chuyển về Unicode NFC trước khi kiểm tra. Trường không bắt buộc có
        thể vắng mặt, để trống hoặc là null. Trường khác được phép có, nhưng không được lưu.</p>
        <p class="en">Texts are trimmed and brought to Unicode NFC before they are judged. What is not required may be
        absent, empty or null. Other fields are allowed and not stored.</p>
        <table class="stack">
        <thead><tr>
        <th>Trường<div class="en">Field</div></th>
        <th>Kiểu và giới hạn<div class="en">Type and limits</div></th>
        <th>Bắt buộc<div class="en">Required</div></th>
        <th>Phân loại<div class="en">Class</div></th>
        <th>Mô tả<div class="en">Description</div></th>
        <th>Ví dụ<div class="en">Examples</div></th>
        </tr></thead>
        <tbody>
        {{#fields}}
        <tr><th><code>{{#parts}}{{.}}<wbr>{{/parts}}</code>
        {{#marks}}
        <span class="tag key">{{vi}} · {{en}}</span>
        {{/marks}}
        </th>
        <td data-label="Kiểu và giới hạn – Type and limits"><p>{{type.vi}}</p><p class="en">{{type.en}}</p></td>
        <td data-label="Bắt buộc – Required">{{required.vi}} <span class="en">{{required.en}}</span></td>
        <td data-label="Phân loại – Class"><p>{{classification.vi}}</p><p class="en">{{classification.en}}</p></td>
        <td data-label="Mô tả – Description"><p>{{words.vi}}</p><p class="en">{{words.en}}</p></td>
        <td data-label="Ví dụ – Examples">{{#values}}<p><code>{{.}}</code></p>{{/values}}</td></tr>
        {{/fields}}
        </tbody></table>

        <h2 id="rules">Quy tắc giữa các trường <span class="en">Rules between fields</span></h2>
        <ul>
        <li>stateSecret: có giá trị khác false và null thì bản ghi bị từ chối trước mọi kiểm tra khác và không được lưu.
        <span class="en">Anything but false or null refuses the record before any other check, and nothing of it is
        kept.</span></li>
        {{#rules}}
        <li>{{vi}} <span class="en">{{en}}</span></li>
        {{/rules}}
        </ul>
        <h3>Cảnh báo <span class="en">Warnings: the record is applied, and counted</span></h3>
        <ul>
        {{#warnings}}
        <li>{{vi}} <span class="en">{{en}}</span></li>
        {{/warnings}}
        {{^warnings}}
        <li>Không có. <span class="en">None.</span></li>
        {{/warnings}}
        </ul>

        <h2 id="reasons">Mã lý do từ chối <span class="en">Reason codes that this topic can give</span></h2>
        <table class="stack"><tbody>
        {{#reasons}}
        <tr><th><code>{{code}}</code></th><td><p>{{words.vi}}</p><p class="en">{{words.en}}</p></td></tr>
        {{/reasons}}
        </tbody></table>

        <h2 id="dead-letters">Bản ghi bị từ chối <span class="en">Refused records, given back</span></h2>
        {{#letterWords}}
        <p>{{vi}}</p><p class="en">{{en}}</p>
        {{/letterWords}}
        <table class="facts stack"><tbody>
        {{#letters}}
        <tr><th>{{label.vi}}<div class="en">{{label.en}}</div></th>
        <td>{{#lines}}<p>{{.}}</p>{{/lines}}{{#englishLines}}<p class="en">{{.}}</p>{{/englishLines}}</td></tr>
        {{/letters}}
        </tbody></table>
        <h3>Tiêu đề <span class="en">Headers</span></h3>
        <table class="stack"><tbody>
        {{#letterHeaders}}
        <tr><th><code>{{name}}</code></th><td><p>{{words.vi}}</p><p class="en">{{words.en}}</p></td>
        <td>{{#isNotAlways}}nếu có <span class="en">if any</span>{{/isNotAlways}}</td></tr>
        {{/letterHeaders}}
        </tbody></table>
        {{#otherHeaders}}
        <p>{{vi}}</p><p class="en">{{en}}</p>
        {{/otherHeaders}}

        <h2 id="lists">Bộ mã danh mục <span class="en">Code lists</span></h2>
        <ul>
        {{#lists}}
        <li>{{words.vi}} <span class="en">· {{words.en}}</span>
        <a href="code-lists.html#{{file}}"><code>{{file}}</code></a></li>
        {{/lists}}
        {{^lists}}
        <li>Không dùng. <span class="en">None.</span></li>
        {{/lists}}
        </ul>

        <h2 id="examples">Ví dụ <span class="en">Examples: all people and numbers are invented</span></h2>
        <h3>Được ghi nhận <span class="en">Accepted</span></h3>
        {{#accepted}}
        <details{{#isOpen}} open{{/isOpen}}><summary>{{title}}
        <span class="tag good">{{verdict.vi}} · {{verdict.en}}</span>{{#notes}} <span class="tag">{{.}}</span>{{/notes}}
        </summary>
        <p class="small">Khóa – key: <code>{{key}}</code>{{#headers}} · <code>{{.}}</code>{{/headers}}{{!
        }}{{#times}} · giờ của Kafka – Kafka's time: <code>{{.}}</code>{{/times}}</p>
        <pre>{{value}}</pre></details>
        {{/accepted}}
        <h3>Bị từ chối <span class="en">Refused</span></h3>
        {{#refused}}
        <details><summary>{{title}} {{#notes}}<span class="tag bad">{{.}}</span> {{/notes}}</summary>
        <p class="small">Khóa – key: <code>{{key}}</code>{{#headers}} · <code>{{.}}</code>{{/headers}}{{!
        }}{{#times}} · giờ của Kafka – Kafka's time: <code>{{.}}</code>{{/times}}</p>
        <pre>{{value}}</pre></details>
        {{/refused}}

        <h2 id="publish">Cách gửi dữ liệu <span class="en">How to publish</span></h2>
        <p>Mọi phần mềm Kafka đều gửi được. Với <code>kcat</code>, địa chỉ và chứng thư trong <code>kcat.conf</code> do
        đơn vị vận hành cấp. Một bản ghi:</p>
        <p class="en">Any Kafka client can publish. With <code>kcat</code>, whose <code>kcat.conf</code> holds what the
        operators gave you, one record:</p>
        <pre>{{commands.one}}</pre>
        <p>Nhiều bản ghi, mỗi dòng gồm khóa, dấu tab và một đối tượng JSON:
        <span class="en">Many records, each line a key, a tab and one JSON object:</span></p>
        <pre>{{commands.many}}</pre>
        <p>Thiếu <code>-Z</code>, một lệnh xóa sẽ mang giá trị rỗng thay vì null và bị từ chối. Tạo các dòng ấy từ tệp có
        mỗi dòng một đối tượng JSON:
        <span class="en">Without <code>-Z</code> a delete would carry an empty value, not a null, and be refused. To make
        these lines of a file with one JSON object a line:</span></p>
        <pre>{{commands.lines}}</pre>
        <p>Xóa bản ghi (giá trị null, nên có <code>-Z</code>); phiên bản nằm trong tiêu đề:
        <span class="en">A delete (a null value, hence <code>-Z</code>), its version in a header:</span></p>
        <pre>{{commands.delete}}</pre>
        <h3>Kiểm tra tệp trước khi gửi <span class="en">Check a file before sending it</span></h3>
        <p>Không cần kết nối; kết quả giống hệt khi tiếp nhận.
        <span class="en">Offline; the verdicts are those of the exchange itself.</span></p>
        <pre>{{commands.check}}</pre>
        """)
}
