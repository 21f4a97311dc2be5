#include "keys/file_problem.hpp"

#include "base/text.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace tokenward::keys {

Result<void> check_text(std::string_view content) {
    if (content.find_first_not_of(" \t\r\n") == std::string_view::npos) return bad_file("is empty");
    if (content.starts_with("\xFF\xFE") || content.starts_with("\xFE\xFF"))
        return bad_file("it is UTF-16 text, ASCII is needed", "iconv -f UTF-16 -t ASCII -o FILE.txt FILE");
    return {};
}

tl::unexpected<Failure> holds_none(std::string_view thing, std::string_view content) {
    const std::size_t begin = content.find(begin_mark);
    if (begin == std::string_view::npos) return bad_file(fmt::format("it holds no {}", thing));
    const std::string_view label = content.substr(begin + begin_mark.size());
    const std::string_view name = label.substr(0, std::min(label.find_first_of("-\r\n"), label.size()));
    return bad_file(fmt::format("it holds no {}, but a PEM block {}", thing, quote(name)),
                    name == "PKCS7" ? "openssl pkcs7 -print_certs -in FILE -out FILE.pem" : "");
}

}  // namespace tokenward::keys
