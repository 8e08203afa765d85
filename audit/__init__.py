"""What `make audit` checks: licences of dependencies, and vulnerabilities known of them."""
